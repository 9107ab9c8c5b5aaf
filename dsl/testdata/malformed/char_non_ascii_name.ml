edition 1
model M() {
    input x float32[batch, 4]
    größe = x // ERROR "ML0005.*größe.*ASCII"
    output x
}
