edition 1
model M() {
    input x float32[batch, 4]
    output x
}
for i in range(3) {} // ERROR "ML0021"
