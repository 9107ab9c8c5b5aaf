edition 1
model M() {
    input x float32[batch, 4]
    层 = x // ERROR "ML0005"
    output x
}
