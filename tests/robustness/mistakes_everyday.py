"""What learners also do wrong, a line each: PyTorch's class and the words that stay the same between its versions."""
from __future__ import annotations

import numpy as np
from robustness.mistakes import mistake

LINES = [
    # Data
    ("batch_size_0", ValueError, "batch_size should be a positive integer value, but got batch_size=0",
     lambda t: t.utils.data.DataLoader([1, 2], batch_size=0)),
    ("sampler_and_shuffle", ValueError, "sampler option is mutually exclusive with shuffle",
     lambda t: t.utils.data.DataLoader([1, 2], shuffle=True, sampler=t.utils.data.SequentialSampler([1, 2]))),
    ("negative_workers", ValueError, "num_workers option should be non-negative",
     lambda t: t.utils.data.DataLoader([1, 2], num_workers=-1)),
    ("tensors_of_other_lengths", AssertionError, "Size mismatch between tensors",
     lambda t: t.utils.data.TensorDataset(t.ones(4), t.ones(5))),
    ("split_of_another_sum", ValueError, "Sum of input lengths does not equal the length of the input dataset!",
     lambda t: t.utils.data.random_split([1, 2, 3], [1, 1])),
    ("batch_of_other_shapes", RuntimeError, "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1",
     lambda t: next(iter(t.utils.data.DataLoader([t.ones(2), t.ones(3)], batch_size=2)))),
    ("shuffled_empty_dataset", ValueError, "num_samples should be a positive integer value, but got num_samples=0",
     lambda t: t.utils.data.DataLoader([], shuffle=True)),
    # Modules
    ("float_width", TypeError, "", lambda t: t.nn.Linear(3, 2.5)),
    ("layer_of_integers", RuntimeError, "mat1 and mat2 must have the same dtype, but got Long and Float",
     lambda t: t.nn.Linear(3, 2)(t.ones(3, 3, dtype=t.int64))),
    ("list_in_a_layer", TypeError, "argument 'input' (position 1) must be Tensor, not list",
     lambda t: t.nn.Linear(3, 2)([1.0, 2.0, 3.0])),
    ("function_in_sequential", TypeError, "is not a Module subclass", lambda t: t.nn.Sequential(t.nn.Linear(1, 1), t.relu)),
    ("list_in_sequential", TypeError, "list is not a Module subclass", lambda t: t.nn.Sequential([t.nn.Linear(1, 1)])),
    ("calling_a_module_list", NotImplementedError, 'Module [ModuleList] is missing the required "forward" function',
     lambda t: t.nn.ModuleList([t.nn.Linear(1, 1)])(t.ones(1))),
    ("attribute_that_is_not_there", AttributeError, "'Linear' object has no attribute 'foo'", lambda t: t.nn.Linear(1, 1).foo),
    ("buffer_in_a_parameter_s_place", KeyError, "attribute 'weight' already exists",
     lambda t: t.nn.Linear(1, 1).register_buffer("weight", t.ones(1))),
    ("dropout_of_150_percent", ValueError, "dropout probability has to be between 0 and 1, but got 1.5",
     lambda t: t.nn.Dropout(1.5)),
    ("word_beyond_the_vocabulary", IndexError, "index out of range in self", lambda t: t.nn.Embedding(3, 2)(t.tensor([5]))),
    ("len_of_a_layer", TypeError, "object of type 'Linear' has no len()", lambda t: len(t.nn.Linear(2, 1))),
    ("layers_that_do_not_fit", RuntimeError, "mat1 and mat2 shapes cannot be multiplied (1x3 and 4x1)",
     lambda t: t.nn.Sequential(t.nn.Linear(2, 3), t.nn.Linear(4, 1))(t.ones(1, 2))),
    ("state_dict_that_is_none", TypeError, "Expected state_dict to be dict-like, got <class 'int'>",
     lambda t: t.nn.Linear(1, 1).load_state_dict(3)),
    # Convolution, pooling, norms
    ("channels", RuntimeError, "expected input[2, 1, 8, 8] to have 3 channels, but got 1 channels instead",
     lambda t: t.nn.Conv2d(3, 4, 3)(t.ones(2, 1, 8, 8))),
    ("kernel_larger_than_image", RuntimeError, "Kernel size can't be greater than actual input size",
     lambda t: t.nn.Conv2d(3, 4, 3)(t.ones(2, 3, 2, 2))),
    ("image_without_channels", RuntimeError, "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [8, 8]",
     lambda t: t.nn.Conv2d(3, 4, 3)(t.ones(8, 8))),
    ("groups", ValueError, "in_channels must be divisible by groups", lambda t: t.nn.Conv2d(3, 4, 3, groups=2)),
    ("same_with_stride", ValueError, "padding='same' is not supported for strided convolutions",
     lambda t: t.nn.Conv2d(3, 4, 3, padding="same", stride=2)),
    ("pool_of_everything", RuntimeError, "Given input size: (1x4x4). Calculated output size: (1x0x0). Output size is too small",
     lambda t: t.nn.MaxPool2d(9)(t.ones(1, 1, 4, 4))),
    ("batch_norm_of_another_width", RuntimeError, "running_mean should contain 4 elements not 3",
     lambda t: t.nn.BatchNorm1d(3)(t.ones(2, 4))),
    ("batch_norm_of_a_vector", ValueError, "expected 2D or 3D input (got 1D input)", lambda t: t.nn.BatchNorm1d(3)(t.ones(2))),
    ("layer_norm_of_another_width", RuntimeError, "Given normalized_shape=[3], expected input with shape [*, 3]",
     lambda t: t.nn.LayerNorm(3)(t.ones(2, 4))),
    ("groups_of_a_norm", ValueError, "num_channels (3) must be divisible by num_groups (2)", lambda t: t.nn.GroupNorm(2, 3)),
    # Recurrence, attention
    ("lstm_of_another_width", RuntimeError, "input.size(-1) must be equal to input_size. Expected 3, got 2",
     lambda t: t.nn.LSTM(3, 4)(t.ones(5, 2, 2))),
    ("lstm_state_of_another_width", RuntimeError, "Expected hidden[0] size (1, 2, 4), got [1, 2, 5]",
     lambda t: t.nn.LSTM(3, 4)(t.ones(5, 2, 3), (t.zeros(1, 2, 5), t.zeros(1, 2, 4)))),
    ("gru_state_of_another_batch", RuntimeError, "Expected hidden size (1, 2, 4), got [1, 3, 4]",
     lambda t: t.nn.GRU(3, 4)(t.ones(5, 2, 3), t.zeros(1, 3, 4))),
    ("heads_that_do_not_divide", AssertionError, "embed_dim must be divisible by num_heads", lambda t: t.nn.MultiheadAttention(5, 2)),
    # Indexing and writing
    ("too_many_indices", IndexError, "too many indices for tensor of dimension 1", lambda t: t.ones(3)[0, 0]),
    ("index_of_a_scalar", IndexError, "invalid index of a 0-dim tensor", lambda t: t.tensor(5)[0]),
    ("float_index", IndexError, "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices",
     lambda t: t.ones(3)[1.5]),
    ("float_tensor_as_index", IndexError, "tensors used as indices must be long, int, byte or bool tensors",
     lambda t: t.ones(3)[t.tensor([0.5])]),
    ("mask_of_another_size", IndexError, "The shape of the mask [2] at index 0 does not match the shape of the indexed tensor [3]",
     lambda t: t.ones(3)[t.tensor([True, False])]),
    ("nothing_written", TypeError, "can't assign a NoneType to a torch.FloatTensor", lambda t: t.ones(3).__setitem__(0, None)),
    ("text_written", TypeError, "can't assign a str to a torch.FloatTensor", lambda t: t.ones(3).__setitem__(0, "a")),
    ("masked_fill_by_integers", RuntimeError, "only supports boolean masks, but got mask with dtype long",
     lambda t: t.ones(3).masked_fill(t.tensor([1, 0, 1]), 0)),
    ("writing_to_an_expanded_tensor", RuntimeError, "more than one element of the written-to tensor refers to a single memory location",
     lambda t: t.ones(3).expand(2, 3).add_(1)),
    ("in_place_to_a_larger_shape", RuntimeError, "output with shape [3] doesn't match the broadcast shape [2, 3]",
     lambda t: t.ones(3).add_(t.ones(2, 3))),
    # Shapes
    ("two_unknown_sizes", RuntimeError, "only one dimension can be inferred", lambda t: t.ones(3).view(-1, -1)),
    ("expand_to_another_size", RuntimeError, "The expanded size of the tensor (4) must match the existing size (3) at non-singleton "
     "dimension 0", lambda t: t.ones(3).expand(4)),
    ("permute_of_too_few", RuntimeError, "permute(sparse_coo): number of dimensions in the tensor input does not match the length of "
     "the desired ordering of dimensions", lambda t: t.ones(2, 3).permute(0)),
    ("t_of_three_dimensions", RuntimeError, "t() expects a tensor with <= 2 dimensions, but self is 3D", lambda t: t.ones(2, 3, 4).t()),
    ("cat_of_other_shapes", RuntimeError, "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 2",
     lambda t: t.cat([t.ones(2, 3), t.ones(3, 2)])),
    ("cat_of_two_arguments", TypeError, "", lambda t: t.cat(t.ones(2), t.ones(2))),
    ("stack_of_other_shapes", RuntimeError, "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1",
     lambda t: t.stack([t.ones(2), t.ones(3)])),
    ("matrices_that_do_not_fit", RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)",
     lambda t: t.ones(2, 3) @ t.ones(2, 3)),
    ("vectors_that_do_not_fit", RuntimeError, "inconsistent tensor size, expected tensor [3] and src [2] to have the same number of "
     "elements", lambda t: t.ones(3).dot(t.ones(2))),
    ("scalar_in_a_matrix_product", RuntimeError, "both arguments to matmul need to be at least 1D, but they are 0D and 1D",
     lambda t: t.tensor(1.0) @ t.ones(2)),
    # Dtypes and values
    ("tilde_of_floats", TypeError, "~ (operator.invert) is only implemented on integer and Boolean-type tensors", lambda t: ~t.ones(2)),
    ("minus_a_mask", RuntimeError, "Negation, the `-` operator, on a bool tensor is not supported", lambda t: -t.tensor([True])),
    ("mask_minus_mask", RuntimeError, "Subtraction, the `-` operator, with two bool tensors is not supported",
     lambda t: t.tensor([True]) - t.tensor([True])),
    ("and_of_floats", NotImplementedError, "\"bitwise_and_cpu\" not implemented for 'Float'", lambda t: t.ones(2) & t.ones(2)),
    ("softmax_of_integers", NotImplementedError, "\"softmax_lastdim_kernel_impl\" not implemented for 'Long'",
     lambda t: t.tensor([1, 2]).softmax(0)),
    ("std_of_integers", RuntimeError, "std and var only support floating point and complex dtypes", lambda t: t.tensor([1, 2]).std()),
    ("norm_of_integers", RuntimeError, "linalg.vector_norm: Expected a floating point or complex tensor as input. Got Long",
     lambda t: t.tensor([1, 2]).norm()),
    ("integers_to_a_negative_power", RuntimeError, "Integers to negative integer powers are not allowed", lambda t: t.tensor([2]) ** -1),
    ("division_by_integer_zero", RuntimeError, "ZeroDivisionError", lambda t: t.tensor([1]) // 0),
    ("rows_of_other_lengths", ValueError, "expected sequence of length 2 at dim 1 (got 1)", lambda t: t.tensor([[1, 2], [3]])),
    ("tensor_of_nothing", RuntimeError, "Could not infer dtype of NoneType", lambda t: t.tensor(None)),
    ("tensor_of_text", TypeError, "new(): invalid data type 'str'", lambda t: t.tensor("a")),
    ("maximum_of_nothing", RuntimeError, "max(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction "
     "dim with the 'dim' argument", lambda t: t.ones(0).max()),
    ("top_5_of_2", RuntimeError, "selected index k out of range", lambda t: t.ones(2).topk(5)),
    ("weights_of_zero", RuntimeError, "invalid multinomial distribution", lambda t: t.multinomial(t.tensor([0.0, 0.0]), 1)),
    ("from_numpy_of_a_list", TypeError, "expected np.ndarray (got list)", lambda t: t.from_numpy([1, 2])),
    ("clamp_without_bounds", RuntimeError, "At least one of 'min' or 'max' must not be None", lambda t: t.ones(2).clamp()),
    ("list_index_by_a_vector", TypeError, "only integer tensors of a single element can be converted to an index",
     lambda t: [1, 2][t.tensor([0, 1])]),
    # Losses
    ("label_beyond_the_classes", IndexError, "Target 5 is out of bounds.",
     lambda t: t.nn.functional.nll_loss(t.ones(2, 3), t.tensor([0, 5]))),
    ("class_weights_of_another_number", RuntimeError, "weight tensor should be defined either for all 3 classes or no classes but got "
     "weight tensor of shape: [2]",
     lambda t: t.nn.functional.cross_entropy(t.ones(2, 3), t.tensor([0, 1]), weight=t.ones(2))),
    ("one_hot_of_too_few", RuntimeError, "Class values must be smaller than num_classes",
     lambda t: t.nn.functional.one_hot(t.tensor([3]), 2)),
    ("directions_of_other_lengths", RuntimeError, "The size of tensor a (3) must match the size of tensor b (2) at non-singleton "
     "dimension 0", lambda t: t.nn.functional.cosine_similarity(t.ones(3), t.ones(2), dim=0)),
    # Optimizers and schedulers
    ("state_of_another_net", ValueError, "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
     lambda t: t.optim.SGD(t.nn.Linear(1, 1).parameters(), lr=0.1).load_state_dict(t.optim.SGD([t.ones(1)], lr=0.1).state_dict())),
    ("unknown_setting", TypeError, "got an unexpected keyword argument 'momentum'",
     lambda t: t.optim.Adam(t.nn.Linear(1, 1).parameters(), lr=0.1, momentum=0.9)),
    ("array_in_an_optimizer", TypeError, "optimizer can only optimize Tensors, but one of the params is numpy.ndarray",
     lambda t: t.optim.SGD([np.ones(3)], lr=0.1)),
    ("parameter_in_two_groups", ValueError, "some parameters appear in more than one parameter group",
     lambda t: (lambda w: t.optim.SGD([{"params": [w]}, {"params": [w]}], lr=0.1))(t.ones(1, requires_grad=True))),
    ("steps_beyond_one_cycle", ValueError, "Tried to step 4 times. The specified number of total steps is 3",
     lambda t: [s.step() for s in [t.optim.lr_scheduler.OneCycleLR(t.optim.SGD([t.ones(1)], lr=0.1), 1, total_steps=3)] * 5]),
    ("plateau_without_a_loss", TypeError, "missing 1 required positional argument: 'metrics'",
     lambda t: t.optim.lr_scheduler.ReduceLROnPlateau(t.optim.SGD([t.ones(1)], lr=0.1)).step()),
    # Gradients
    ("gradient_of_another_size", RuntimeError, "attempting to assign a gradient of size '[3]' to a tensor of size '[2]'",
     lambda t: setattr(t.ones(2, requires_grad=True), "grad", t.ones(3))),
    ("gradients_by_nothing", RuntimeError, "`inputs` argument to `grad()` cannot be empty.",
     lambda t: t.autograd.grad(t.ones(1, requires_grad=True).sum(), [])),
    ("hook_without_a_gradient", RuntimeError, "cannot register a hook on a tensor that doesn't require gradient",
     lambda t: t.ones(2).register_hook(print)),
    ("retain_grad_without_a_gradient", RuntimeError, "can't retain_grad on Tensor that has requires_grad=False",
     lambda t: t.ones(2).retain_grad()),
    # Linear algebra
    ("inverse_of_a_singular_matrix", RuntimeError, "nversion could not be completed because the input matrix is singular",
     lambda t: _as_runtime_error(lambda: t.linalg.inv(t.zeros(2, 2)))),
    ("inverse_of_a_rectangle", RuntimeError, "must be batches of square matrices, but they are 2 by 3 matrices",
     lambda t: t.linalg.inv(t.ones(2, 3))),
]


def _as_runtime_error(call):
    """LinAlgError has a name of its own in each library, below RuntimeError."""
    try:
        call()
    except RuntimeError as error:
        raise RuntimeError(str(error)) from None


def add(name, kind, words, line):
    def program(torch, keep):
        line(torch)
    program.__name__ = name
    mistake("", kind, words)(program)


for each in LINES:
    add(*each)
