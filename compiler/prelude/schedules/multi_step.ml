edition 1

// multi_step multiplies the rate by gamma at each milestone, a number of updates
// made.
//
// Reference: torch.optim.lr_scheduler.MultiStepLR. Keras' PiecewiseConstantDecay
// lists the rates.
func multi_step(lr, milestones, gamma = 0.1) = lr * pow(gamma, passed(milestones))

block passed(milestones) {
    count = 0
    for m in milestones {
        count = count + min(1, max(0, step - m))
    }
    output count
}
