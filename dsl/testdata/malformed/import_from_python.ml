edition 1
from a // ERROR "ML0020"
model M() {
    input x float32[batch, 4]
    output x
}
