edition 1

// rand_like draws uniform random numbers in [0, 1) in the shape of x.
func rand_like(x) = rand(shape(x), dtype(x))
