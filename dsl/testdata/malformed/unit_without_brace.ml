edition 1
model A(n = 3)
    input x float32[batch, 4] // ERROR "ML0001"
    output x
}
