edition 1

// lstm is the long short-term memory (Hochreiter & Schmidhuber 1997):
//
//   i, f, g, o = W_ih x + b_ih + W_hh h + b_hh
//   c = sigmoid(f) c + sigmoid(i) tanh(g),  h = sigmoid(o) tanh(c)
//
// x is [batch, time, d]. lengths gives the number of elements of each sample that
// count: the state stays after them, and outputs behind them are 0. With
// bidirectional a second network reads backwards, and outputs are joined along the
// last axis. dropout acts between layers while training. With a proj_size, h is
// W_hr (sigmoid(o) tanh(c)), of that size (Sak et al. 2014). With return_state the last
// states follow, h and c, [layers * directions, batch, size].
//
// Reference: torch.nn.LSTM with batch_first; names and shapes are its own. All start
// as uniform in +-1 / sqrt(hidden). Keras starts at xavier_uniform and orthogonal,
// has one bias, and the forget gate's is 1.
block lstm(hidden, layers = 1, bias = true, bidirectional = false, dropout = 0.0, proj_size = 0, return_state = false) {
    input x [batch, time, d]
    input lengths [batch] = none
    input h0 [states, batch, size] = none
    input c0 [states, batch, hidden] = none
    bound = 1 / sqrt(hidden)
    directions = select(bidirectional, 2, 1)
    out = select(proj_size > 0, proj_size, hidden)
    y = x
    h_all = []
    c_all = []
    for l in range(layers) {
        outs = []
        for r in range(directions) {
            suffix = select(r == 1, "_reverse", "")
            @name("weight_ih_l{l}{suffix}")
            param weight_ih [4 * hidden, shape(y)[-1]] = uniform(-bound, bound)
            @name("weight_hh_l{l}{suffix}")
            param weight_hh [4 * hidden, out] = uniform(-bound, bound)
            xs = einsum("btd,gd->btg", select(r == 1, flip(y, axis = 1), y), weight_ih)
            if bias {
                @name("bias_ih_l{l}{suffix}")
                @role(bias)
                param bias_ih [4 * hidden] = uniform(-bound, bound)
                @name("bias_hh_l{l}{suffix}")
                @role(bias)
                param bias_hh [4 * hidden] = uniform(-bound, bound)
                xs = xs + (bias_ih + bias_hh)
            }
            if proj_size > 0 {
                @name("weight_hr_l{l}{suffix}")
                param weight_hr [out, hidden] = uniform(-bound, bound)
            }
            k = l * directions + r
            if h0 == none {
                h_start = zeros([batch, out], dtype(x))
            } else {
                h_start = h0[k]
            }
            if c0 == none {
                c_start = zeros([batch, hidden], dtype(x))
            } else {
                c_start = c0[k]
            }
            if lengths == none {
                seq, h_last, c_last = scan g in xs over 1 carry h = h_start, c = c_start {
                    i, f, cell, o = split(g + einsum("bh,gh->bg", h, weight_hh), 4, axis = -1)
                    c = sigmoid(f) * c + sigmoid(i) * tanh(cell)
                    h = sigmoid(o) * tanh(c)
                    if proj_size > 0 {
                        h = einsum("bh,ph->bp", h, weight_hr)
                    }
                    yield h
                }
            } else {
                position = select(r == 1, time - 1 - arange(time), arange(time))
                inside = reshape(position, [1, -1, 1]) < reshape(cast(lengths, int32), [-1, 1, 1])
                seq, h_last, c_last = scan g, valid in xs, inside over 1 carry h = h_start, c = c_start {
                    i, f, cell, o = split(g + einsum("bh,gh->bg", h, weight_hh), 4, axis = -1)
                    c = where(valid, sigmoid(f) * c + sigmoid(i) * tanh(cell), c)
                    next = sigmoid(o) * tanh(c)
                    if proj_size > 0 {
                        next = einsum("bh,ph->bp", next, weight_hr)
                    }
                    h = where(valid, next, h)
                    yield where(valid, h, 0)
                }
            }
            outs = outs + [select(r == 1, flip(seq, axis = 1), seq)]
            h_all = h_all + [h_last]
            c_all = c_all + [c_last]
        }
        y = concat(outs, axis = -1)
        if dropout > 0 && l < layers - 1 {
            y = y -> dropout(dropout)
        }
    }
    if return_state {
        output y, stack(h_all, axis = 0), stack(c_all, axis = 0)
    } else {
        output y
    }
}
