edition 1

model M() {
    input x float32[batch, 12]
    a = x -> rearrange("b (h d) -> b h d") // ERROR "the sizes of h and d cannot both be found"
    b = x -> rearrange("b (h d) -> b h d", h = 5) // ERROR "axis 1 is 12, which 5 does not divide"
    c = x -> rearrange("b d -> b c") // ERROR "the pattern names c on the right only"
    d = x -> rearrange("b d -> d") // ERROR "the pattern names b on the left only"
    output a, b, c, d
}
