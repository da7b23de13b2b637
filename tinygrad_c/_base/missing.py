"""The error for a name that does not exist: it suggests a similar name, or says that this part of PyTorch is left out and
what to write instead.
"""
from __future__ import annotations

# Names or patterns with *, and the explanation. The first match is used.
LEFT_OUT = [
    ("float8* float4*",
     "numbers of 8 bits and fewer are left out; the floating types are float64, float32, and float16 and bfloat16 for storage"),
    ("complex* cfloat cdouble chalf view_as_complex view_as_real polar fft fft_* stft istft conj conj_physical conj_physical_ "
     "resolve_conj eig eigvals",
     "complex numbers are left out; keep real and imaginary parts in two tensors"),
    ("char", "the dtype is int8"),
    ("int1 int2 int3 int4 int5 int6 int7 uint1 uint2 uint3 uint4 uint5 uint6 uint7 bits*",
     "integers of fewer than 8 bits are left out; int8 and uint8 are the smallest"),
    ("sparse sparse_* to_sparse* to_dense SparseAdam coalesce is_coalesced hspmm spmm smm sspaddmm *_indices_copy indices_copy "
     "values_copy crow_indices col_indices indices values dense_dim",
     "sparse tensors are left out; tensors are dense here"),
    ("quantize* dequantize* quint* qint* ao quantization quantized QUInt8Storage fake_quantize* per_tensor_affine q_* "
     "qscheme int_repr",
     "quantised numbers are left out; int8 and uint8 are ordinary integers"),
    ("fx export _dynamo _inductor _C script_* Script* parse_* import_ir_module* merge_type_from_type_comment "
     "unify_type_list fork wait Sym* sym_* cond while_loop AggregationType DispatchKey Tag *_torch_function* boolean_dispatch",
     "there is no compiler of Python programs here; leave the line out (compile(model) is accepted and returns the model)"),
    ("DataParallel data_parallel replicate parallel_apply FullyShardedDataParallel fsdp",
     "there is only the CPU here; several processes train one net by nn.parallel.DistributedDataParallel"),
    ("overrides has_torch_function handle_torch_function is_tensor_like DisableTorchFunctionSubclass TorchFunctionMode "
     "__torch_dispatch__",
     "a subclass of Tensor may override __torch_function__; other classes, and modes, are left out"),
    ("rpc futures",
     "this part of torch is left out; distributed has the operations of several processes, and Python's multiprocessing "
     "starts processes on one machine"),
    ("TCPStore FileStore HashStore PrefixStore batch_isend_irecv P2POp all_to_all all_to_all_single reduce_scatter device_mesh "
     "launch elastic checkpoint tensor pipelining",
     "this part of torch.distributed is left out; mpirun starts the processes, and all_gather, reduce_scatter_tensor, isend "
     "and irecv exchange tensors"),
    ("xpu hpu ipu mtia cuda record_stream get_device_module Stream Event stream vulkan hip UntypedStorage TypedStorage "
     "pin_memory_device",
     "there is only the CPU here"),
    ("scaled_mm grouped_mm scaled_grouped_mm ScalingType SwizzleType",
     "products of numbers of 8 bits and fewer are left out"),
    ("*_copy", "functions that copy a view are left out; write .clone() after the operation without _copy"),
    ("storage storage_type untyped_storage set_ is_storage", "there are no storage objects here; "
     "data_ptr(), as_strided() and numpy() give access to the memory"),
    ("names rename rename_ refine_names align_to align_as", "named dimensions are left out; use their numbers"),
    ("index", "write x[i, j] for elements of a tensor; index_select takes some along one dimension"),
    ("module_load", "write x.copy_(other); load_state_dict does so for a whole module"),
    ("to_mkldnn to_padded_tensor", "there is one layout here: leave the line out"),
    ("from_file", "write from_numpy(numpy.memmap(filename, dtype, 'r+', shape=size))"),
    ("segment_reduce", "this function is left out; scatter_reduce, with the segment of each row as index, does the same"),
    ("thread_safe_generator", "write Generator().manual_seed(torch.initial_seed()) in each worker of a DataLoader"),
    ("compiled_with_cxx11_abi", "there is no C++ here; leave the line out"),
    ("AdaptiveLogSoftmaxWithLoss", "this layer for very many classes is left out; write "
     "CrossEntropyLoss()(Linear(n, classes)(x), y)"),
    ("factory_kwargs", "pass device= and dtype= on as they are"),
    ("swap_in_optimizer_params_and_state", "write load_state_dict, of the module and of the optimizer"),
    ("IterDataPipe MapDataPipe", "data pipes are left out; write an IterableDataset, or a Dataset"),
    ("NestedIOFunction InplaceFunction BackwardCFunction FunctionMeta", "write a subclass of autograd.Function"),
    ("enforce_grad_layout_policy", "the memory layout of gradients cannot be chosen here; leave the line out"),
    ("debug_unwrap", "there are no wrapped tensors here; write x itself"),
    ("rearrange", "write x.permute(...) and x.reshape(...)"),
    ("CTCLoss ctc_loss", "CTC loss is left out"),
    ("linear_cross_entropy LinearCrossEntropyLoss LinearCrossEntropyOptions",
     "the combined function is left out; write cross_entropy(linear(x, weight), target)"),
    ("hash_tensor", "this function is left out; hash(x.numpy().tobytes()) does the same"),
    ("SyncBatchNorm", "there is one process; BatchNorm1d, 2d and 3d do the same"),
    ("profiler record_function emit_nvtx", "the profiler is left out; utils.benchmark.Timer times a statement, and Python's "
     "cProfile shows where a program spends its time"),
    ("forward_ad", "forward-mode derivatives are left out; func.jvp computes Jacobian-vector products"),
    ("masked signal masked.* signal.*",
     "this part of torch is left out: write where(mask, x, ...), and hann_window(n) and similar functions"),
    ("bessel_* *modified_bessel* airy_ai spherical_bessel_j0 zeta ldl_* lobpcg",
     "this function is left out; it has no gradient in torch either: use SciPy with x.numpy()"),
    ("hub onnx package monitor nested mps accelerator", "this part of torch is left out"),
]


def sentence(name: str) -> str | None:
    """Why `name` is left out; None if it is not in the list."""
    for names, words in LEFT_OUT:
        for each in names.split():
            if name == each or (len(each) > 1 and "*" in each and fits(name, each)):
                return words
    return None


def fits(name: str, pattern: str) -> bool:
    """Whether the name matches the pattern part*, *part or *part*."""
    part = pattern.strip("*")
    if pattern[0] == "*":
        return part in name if pattern[-1] == "*" else name.endswith(part)
    return name.startswith(part)


def unknown(module: str, name: str, known: dict) -> AttributeError:
    """The error for `module.name`; `known` maps the existing names to their values (modules are suggested last)."""
    if name.startswith("__"):
        return AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
    reason = sentence(name)
    if reason is None:
        import difflib
        others = [each for each in known if not each.startswith("_") and type(known[each]) is not type(difflib)]
        near = [each for each in others if each.lower() == name.lower()] or difflib.get_close_matches(name, others, 1) or \
            difflib.get_close_matches(name, [each for each in known if not each.startswith("_")], 1)
        reason = f"did you mean {near[0]!r}?" if near else "docs/reference.md lists what there is"
    return AttributeError(f"module {module!r} has no attribute {name!r}: {reason}", name=name)
