edition 1

// global_max_pool2d takes the largest value of each channel: [n, c, height, width]
// becomes [n, c].
//
// Keras' GlobalMaxPooling2D, with the channels first.
func global_max_pool2d(x) = max(x, axis = [-2, -1])
