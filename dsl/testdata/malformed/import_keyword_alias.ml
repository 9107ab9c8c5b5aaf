edition 1
import model "c.ml" // ERROR "ML0018|ML0001"
model M() {
    input x float32[batch, 4]
    output x
}
