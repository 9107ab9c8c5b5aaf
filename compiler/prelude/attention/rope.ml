edition 1

// rope turns pairs of features by an angle that grows with the position (Su et al.
// 2021): feature i of the first half and of the second half of [..., time, d] turn by
// position / theta^(2 i / d), as in Hugging Face's Llama. start is the position of
// the first element.
block rope(theta = 10000.0, start = 0) {
    input x [..., time, d]
    half = d / 2
    position = reshape(cast(arange(time), float32), [-1, 1]) + start
    angle = position * exp(cast(arange(half), float32) * (-2 * log(theta) / d))
    c = cast(cos(angle), dtype(x))
    s = cast(sin(angle), dtype(x))
    a, b = split(x, 2, axis = -1)
    output concat(a * c - b * s, b * c + a * s, axis = -1)
}
