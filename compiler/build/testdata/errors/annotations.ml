edition 1

model M() {
    input x float32[batch, 4]
    @frozn param w [4] = ones // ERROR "there is no annotation @frozn.*did you mean @frozen"
    @dtype(float) param v [4] = ones // ERROR "there is no dtype float.*did you mean float"
    @role("norm") param u [4] = ones // ERROR "@role takes words"
    output x * w * v * u
}
