edition 1

// Graph classifies the nodes of a graph from its neighbours (Kipf & Welling 2017).
// adjacency holds the normalised edges, with one to itself for each node; labels
// of -1 are not known.
model Graph(features = 16, hidden = 32, classes = 4) {
    input x         float32[nodes, features]
    input adjacency float32[nodes, nodes]

    h = matmul(adjacency, x -> gc1: linear(hidden)) -> relu -> dropout(0.2)
    output logits = matmul(adjacency, h -> gc2: linear(classes))

    train {
        input labels int32[nodes]
        loss cross_entropy(logits, labels, ignore_index = -1)
        metric accuracy(logits, labels)
        optimizer adam(lr = 0.01)
    }
}
