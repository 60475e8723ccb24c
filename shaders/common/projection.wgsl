// The sizes of a projection. A linear map counts as a convolution of a single pixel whose channels are all neurons of
// its input. Neurons are stored in the order [row][column][channel].
override IN_C: u32;
override IN_H: u32;
override IN_W: u32;
override OUT_C: u32;
override OUT_H: u32;
override OUT_W: u32;
override KERNEL_H: u32;
override KERNEL_W: u32;
override STRIDE_H: u32;
override STRIDE_W: u32;
override PADDING_H: u32;
override PADDING_W: u32;
override DILATION_H: u32;
override DILATION_W: u32;
// Length of a row of output channels of a weight.
override WEIGHT_ROW: u32;
// Whether to add to the result of other projections rather than overwrite it.
override ADD: bool;
// Whether the population reads its own spikes, one step late.
override DELAY: bool;

fn in_len() -> u32 {
    return IN_C * IN_H * IN_W;
}

fn out_len() -> u32 {
    return OUT_C * OUT_H * OUT_W;
}
