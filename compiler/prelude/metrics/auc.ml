edition 1

// auc is the area under the receiver operating characteristic of an epoch: how
// often a positive sample scores above a negative one. Scores are probabilities;
// they are compared with thresholds evenly from 0 to 1, and the area is a sum of
// trapezoids.
//
// Reference: Keras' AUC (200 thresholds), torchmetrics.AUROC with thresholds.
metric auc(thresholds = 200) {
    input scores [...]
    input target [...]
    state tp [thresholds] = zeros
    state fp [thresholds] = zeros
    state positives [] = zeros
    state negatives [] = zeros
    limits = cast(arange(thresholds), float32) / (thresholds - 1)
    above  = cast(reshape(scores, [-1, 1]) >= limits, float32)
    truth  = reshape(cast(target, float32), [-1, 1])
    update tp = tp + sum(above * truth, axis = 0)
    update fp = fp + sum(above * (1 - truth), axis = 0)
    update positives = positives + sum(truth)
    update negatives = negatives + sum(1 - truth)
    x = concat(fp / max(negatives, 1), zeros([1]))
    y = concat(tp / max(positives, 1), zeros([1]))
    output sum((x[:-1] - x[1:]) * (y[:-1] + y[1:])) / 2
}
