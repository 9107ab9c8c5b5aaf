edition 2 // ERROR "ML0016.*2"
model { this may be fine in edition 2 }
