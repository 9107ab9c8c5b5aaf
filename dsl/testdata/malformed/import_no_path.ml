edition 1
import // ERROR "ML0001"
model M() {
    input x float32[batch, 4]
    output x
}
