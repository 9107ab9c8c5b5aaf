edition 1

// pixel_shuffle moves channels into space: [n, c r r, h, w] becomes [n, c, h r, w r],
// where r is upscale_factor (Shi et al. 2016).
//
// Reference: torch.nn.functional.pixel_shuffle.
func pixel_shuffle(x, upscale_factor) = rearrange(x, "n (c r s) h w -> n c (h r) (w s)", r = upscale_factor, s = upscale_factor)
