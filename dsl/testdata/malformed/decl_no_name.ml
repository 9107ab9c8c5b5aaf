edition 1
model { // ERROR "ML0001.*`{`"
}
