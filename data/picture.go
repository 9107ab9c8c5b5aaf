package data

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // registers the format
	_ "image/png"  // registers the format
	"os"
)

// maxPixels bounds an image before it is decoded.
const maxPixels = 64 << 20

// IsImage reports whether text starts like a PNG or JPEG file.
func IsImage(text []byte) bool {
	return bytes.HasPrefix(text, []byte("\x89PNG\r\n\x1a\n")) || bytes.HasPrefix(text, []byte("\xff\xd8\xff"))
}

// DecodeImage returns the image's bytes by channel, row and column, averaged
// down or repeated up to the given channels (1: grey, 3: red, green, blue),
// height and width.
func DecodeImage(text []byte, shape []int, invert bool) ([]byte, error) {
	config, _, err := image.DecodeConfig(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
		return nil, fmt.Errorf("%dx%d pixels, the limit is %d", config.Width, config.Height, maxPixels)
	}
	img, _, err := image.Decode(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	channels, h, w := shape[0], shape[1], shape[2]
	out := make([]byte, channels*h*w)
	b := img.Bounds()
	for y := range h {
		for x := range w {
			c := average(img, image.Rect(
				b.Min.X+x*b.Dx()/w, b.Min.Y+y*b.Dy()/h,
				b.Min.X+max((x+1)*b.Dx()/w, x*b.Dx()/w+1), b.Min.Y+max((y+1)*b.Dy()/h, y*b.Dy()/h+1)))
			values := []byte{c.R, c.G, c.B}
			if channels == 1 {
				values = []byte{color.GrayModel.Convert(c).(color.Gray).Y}
			}
			for k, v := range values {
				if invert {
					v = 255 - v
				}
				out[(k*h+y)*w+x] = v
			}
		}
	}
	return out, nil
}

// average returns the mean colour of a part of the image, rounded.
func average(img image.Image, part image.Rectangle) color.RGBA {
	var sum [3]uint64
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			sum[0], sum[1], sum[2] = sum[0]+uint64(r>>8), sum[1]+uint64(g>>8), sum[2]+uint64(b>>8)
		}
	}
	n := uint64(part.Dx() * part.Dy())
	mean := func(s uint64) uint8 { return uint8((s + n/2) / n) }
	return color.RGBA{mean(sum[0]), mean(sum[1]), mean(sum[2]), 255}
}

// pictureShape is the shape that images are brought to: the given one, or that
// of the first image in colour.
func pictureShape(path string, given []int) ([]int, error) {
	if len(given) == 3 {
		return given, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	config, _, err := image.DecodeConfig(f)
	if err != nil {
		return nil, bad(path, "%v", err)
	}
	return []int{3, config.Height, config.Width}, nil
}
