edition 1

// info_nce is the contrastive loss: cross entropy of each query's similarities to
// all keys of the batch, divided by temperature, where the key of the same row is
// the right one (van den Oord et al. 2018). Similarities are cosines.
//
// There is no such word in PyTorch or Keras.
block info_nce(temperature = 0.1, reduction = "mean") {
    input query [batch, d]
    input keys  [batch, d]
    scores = einsum("id,jd->ij", l2_normalize(query, axis = -1), l2_normalize(keys, axis = -1)) / temperature
    output cross_entropy(scores, arange(batch), reduction = reduction)
}
