edition 1

// global_avg_pool2d is the mean over the last two axes, which are dropped:
// [n, c, height, width] becomes [n, c], as Keras's GlobalAveragePooling2D and
// torch.nn.AdaptiveAvgPool2d(1) with a flatten.
func global_avg_pool2d(x) = mean(x, axis = [-2, -1])
