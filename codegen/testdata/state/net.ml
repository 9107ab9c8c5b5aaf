edition 1

// Running keeps a sum from call to call.
model Running(width = 3) {
    input x float32[batch, width]
    output y = x -> fc: linear(2)

    // Accumulate adds more to what earlier calls gave.
    entry accumulate {
        input more float32[batch, width]
        state total float32[batch, width] = zeros
        next = total + more
        update total = next
        output sum = next
    }
}
