edition 1

// char_error_rate is the number of insertions, deletions and substitutions that turn
// the decoded text into the target, divided by the target's length, over an epoch.
// Decoding takes the best class of each frame, merges repeats and drops blanks.
//
// Reference: the Levenshtein distance of torchmetrics.CharErrorRate after greedy
// decoding of connectionist temporal classification.
metric char_error_rate(blank = 0) {
    input log_probs      [batch, time, classes]
    input targets        [batch, chars]
    input input_lengths  [batch]
    input target_lengths [batch]
    state errors [] = zeros
    state total  [] = zeros
    best = argmax(log_probs, axis = -1)
    previous = concat(full([batch, 1], -1, int32), best[:, :-1], axis = 1)
    inside = reshape(arange(time), [1, -1]) < reshape(cast(input_lengths, int32), [-1, 1])
    kept = best != blank && best != previous && inside
    place = cast(reshape(arange(chars + 1), [1, -1]), float32)
    row0 = expand(place, [batch, chars + 1])
    goal = cast(targets, int32)
    row_last = scan c, use in best, kept over 1 carry row = row0 {
        changed = row[:, :-1] + cast(goal != reshape(c, [-1, 1]), float32)
        least = concat(row[:, :1] + 1, min(row[:, 1:] + 1, changed), axis = 1)
        // An insertion costs one more than what stands to the left.
        row = where(reshape(use, [-1, 1]), cummin(least - place, axis = 1) + place, row)
    }
    distance = gather(row_last, reshape(cast(target_lengths, int32), [-1, 1]), axis = 1)
    update errors = errors + sum(distance)
    update total = total + sum(cast(target_lengths, float32))
    output errors / max(total, 1)
}
