edition 1

// ctc_loss is the negative log probability of the targets under connectionist
// temporal classification (Graves et al. 2006): log_probs [batch, time, classes] are
// log-softmaxed, targets [batch, chars] hold classes without the blank, and the two
// lengths say how much of each sample counts.
//
// Reference: torch.nn.functional.ctc_loss, whose log_probs are time first. "mean"
// divides each loss by its target's length. A target that does not fit gives inf, or
// 0 with zero_infinity.
block ctc_loss(blank = 0, reduction = "mean", zero_infinity = false) {
    input log_probs      [batch, time, classes]
    input targets        [batch, chars]
    input input_lengths  [batch]
    input target_lengths [batch]
    none_ = -1e30
    count = cast(target_lengths, int32)
    // Blanks stand before, between and after the characters.
    filled = reshape(stack(full([batch, chars], blank, dtype(targets)), targets, axis = -1), [batch, 2 * chars])
    labels = concat(filled, full([batch, 1], blank, dtype(targets)), axis = 1)
    // A character may follow the one before it directly unless they are equal.
    earlier = concat(full([batch, 2], blank, dtype(targets)), labels[:, :-2], axis = 1)
    jump = labels != blank && labels != earlier
    place = reshape(arange(2 * chars + 1), [1, -1])
    start = expand(where(place == 0, zeros(shape(place)), none_), [batch, 2 * chars + 1])
    inside = reshape(arange(time), [1, -1, 1]) < reshape(cast(input_lengths, int32), [-1, 1, 1])
    alpha_last = scan frame, valid in log_probs, inside over 1 carry alpha = start {
        one = concat(full([batch, 1], none_), alpha[:, :-1], axis = 1)
        two = where(jump, concat(full([batch, 2], none_), alpha[:, :-2], axis = 1), none_)
        top = stop_gradient(max(max(alpha, one), two))
        reached = top + log(exp(alpha - top) + exp(one - top) + exp(two - top))
        alpha = where(valid, max(reached + gather(frame, labels, axis = -1), none_), alpha)
    }
    ends = gather(alpha_last, reshape(2 * count, [-1, 1]), axis = 1)[:, 0]
    before = gather(alpha_last, reshape(max(2 * count - 1, 0), [-1, 1]), axis = 1)[:, 0]
    before = where(count == 0, none_, before)
    top = stop_gradient(max(ends, before))
    loss_ = -(top + log(exp(ends - top) + exp(before - top)))
    impossible = loss_ > 1e29
    loss_ = where(impossible, select(zero_infinity, 0, inf), loss_)
    if reduction == "mean" {
        loss_ = loss_ / cast(max(count, 1), float32)
    }
    output reduce_loss(loss_, reduction)
}
