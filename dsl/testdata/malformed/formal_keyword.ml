edition 1
model M(block = 4) { // ERROR "ML0018.*block"
}
