edition 1

// Detector finds objects with one prediction for each cell of a grid: class
// scores, trained by focal loss because most cells are empty, and a box, trained
// by smooth L1 loss in the cells that have an object (RetinaNet, Lin et al. 2017,
// with one anchor). A cell's box is given relative to the cell.
model Detector(classes = 20, width = 16, grid = 8) {
    input image float32[batch, 3, 64, 64]

    x = image -> conv1: conv2d(width, kernel = 3, stride = 2, padding = 1) -> relu
              -> conv2: conv2d(2 * width, kernel = 3, stride = 2, padding = 1) -> relu
              -> conv3: conv2d(4 * width, kernel = 3, stride = 2, padding = 1) -> relu
    scores = x -> class_head: conv2d(classes, kernel = 3, padding = 1)
    boxes  = x -> box_head: conv2d(4, kernel = 3, padding = 1)
    output scores = sigmoid(scores), boxes

    train {
        input target_scores float32[batch, classes, grid, grid]
        input target_boxes  float32[batch, 4, grid, grid]
        input has_object    float32[batch, 1, grid, grid]

        found = max(sum(has_object), 1)
        miss  = smooth_l1_loss(boxes * has_object, target_boxes * has_object, beta = 0.1, reduction = "sum")
        loss (focal_loss(scores, target_scores, reduction = "sum") + miss) / found
        optimizer adamw(lr = 1e-3, clip_norm = 1.0)
    }
}
