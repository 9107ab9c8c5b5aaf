edition 1

// ActorCritic is advantage actor-critic with a shared torso.
model ActorCritic(obs = 8, actions = 4, entropy_weight = 0.01, value_weight = 0.5) {
    input state float32[batch, obs]

    torso  = state -> fc1: linear(256) -> tanh -> fc2: linear(256) -> tanh
    logits = torso -> actor: linear(actions, init = orthogonal(gain = 0.01))
    value  = (torso -> critic: linear(1))[:, 0]
    output logits, value

    train {
        input action    int32[batch]
        input advantage float32[batch]
        input returns   float32[batch]
        logp    = log_softmax(logits, axis = -1)
        policy  = -mean(gather(logp, action, axis = -1) * advantage)
        entropy = -mean(sum(exp(logp) * logp, axis = -1))
        loss policy + value_weight * mse_loss(value, returns) - entropy_weight * entropy
        metric policy
        metric entropy
        optimizer adam(lr = 2.5e-4, clip_norm = 0.5)
    }
}
