edition 1

// Recommender guesses a rating from a user and an item: the product of two learned
// vectors, and how generous the user and how liked the item is (Koren et al. 2009).
model Recommender(users = 1000, items = 2000, dim = 16, mean_rating = 3.5) {
    input user int32[batch]
    input item int32[batch]

    match = sum((user -> user_vector: embedding(users, dim, init = normal(std = 0.1)))
                * (item -> item_vector: embedding(items, dim, init = normal(std = 0.1))), axis = -1)
    bias = (user -> user_bias: embedding(users, 1, init = zeros)) + (item -> item_bias: embedding(items, 1, init = zeros))
    output rating = mean_rating + match + reshape(bias, [batch])

    train {
        input target float32[batch]
        loss mse_loss(rating, target)
        metric mae = mean_absolute_error(rating, target)
        optimizer adamw(lr = 1e-2, weight_decay = 1e-3)
    }
}
