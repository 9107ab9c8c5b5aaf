edition 1

block Net(hidden) {
    input x [..., d]
    output x -> fc: linear(hidden)
}

model M() {
    input a float32[batch, 4]
    input b float32[batch, 4]
    p = a -> net: Net(3)
    q = b -> net // ERROR "Net needs the argument hidden.*declare it with .layer net = Net"
    output p, q
}
