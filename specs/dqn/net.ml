edition 1

block QNet(actions) {
    input obs [batch, n]
    output obs -> fc1: linear(128) -> relu -> fc2: linear(128) -> relu -> fc3: linear(actions)
}

// DQN is deep Q-learning with a slowly updated target network (Mnih et al. 2015).
model DQN(obs = 4, actions = 2, gamma = 0.99, tau = 0.005) {
    input state float32[batch, obs]

    layer q = QNet(actions)
    @frozen @init(q) layer q_target = QNet(actions)

    values = state -> q
    output values, greedy = argmax(values, axis = -1)

    train {
        input action     int32[batch]
        input reward     float32[batch]
        input next_state float32[batch, obs]
        input done       float32[batch]

        best   = max(next_state -> q_target, axis = -1)
        target = stop_gradient(reward + gamma * (1 - done) * best)
        loss smooth_l1_loss(gather(values, action, axis = -1), target)
        optimizer adamw(lr = 1e-4, clip_norm = 100)
        update q_target = lerp(q_target, q, tau)
    }
}
