edition 1
block in(x) { // ERROR "ML0018.*in"
}
