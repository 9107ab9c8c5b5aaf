edition 1
model A() {
    x = = 1 // ERROR "ML0019"
}
block B() {
    y = ) // ERROR "ML0003"
}
func f(x) =  // ERROR "ML0019"
