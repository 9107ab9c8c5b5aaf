edition 1
class M { // ERROR "ML0020.*class"
}
