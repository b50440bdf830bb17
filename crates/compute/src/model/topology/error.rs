use thiserror::Error;

/// Why no such guest can be made; Nova's words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TopologyError {
    #[error("The property 'numa_nodes' cannot be '{0}'. It must be a number greater than 0")]
    Nodes(String),
    #[error("Image property '{0}' is not permitted to override NUMA configuration set against the flavor")]
    NumaForbidden(String),
    #[error(
        "Instance CPUs and/or memory cannot be evenly distributed across instance NUMA nodes. Explicit assignment of CPUs and \
         memory to nodes is required"
    )]
    Asymmetric,
    #[error("CPU and memory allocation must be provided for all NUMA nodes")]
    Incomplete,
    #[error("CPU number {0} is larger than max {1}")]
    CpuOutOfRange(u32, u32),
    #[error("CPU number {0} is assigned to two nodes")]
    CpuTwice(u32),
    #[error("CPU number {0} is not assigned to any node")]
    CpuUnassigned(u32),
    #[error("{0} MB of memory assigned, but expected {1} MB")]
    Memory(u64, u64),
    #[error("Invalid CPU list '{0}'")]
    CpuList(String),
    #[error("Invalid memory page size '{0}'")]
    PageSize(String),
    #[error("Page size {0} forbidden against '{1}'")]
    PageSizeForbidden(String, String),
    #[error("CPU policy requested from '{0}' is invalid: '{1}'. It must be one of: shared, dedicated, mixed")]
    Policy(&'static str, String),
    #[error("Image property 'hw_cpu_policy' is not permitted to override CPU pinning policy set against the flavor")]
    PolicyForbidden,
    #[error("CPU thread policy requested is invalid: '{0}'. It must be one of: prefer, isolate, require")]
    Threads(String),
    #[error(
        "Image property 'hw_cpu_thread_policy' is not permitted to override CPU thread pinning policy set against the flavor"
    )]
    ThreadsForbidden,
    #[error("Cannot set cpu thread pinning policy in a non dedicated cpu pinning policy")]
    ThreadsUnpinned,
    #[error(
        "Dedicated CPU set can be specified from either 'hw:cpu_dedicated_mask' or 'hw:cpu_realtime_mask' when using 'mixed' CPU \
         policy. 'hw:cpu_dedicated_mask' and 'hw:cpu_realtime_mask' can not be specified at the same time, or be specified with none \
         of them."
    )]
    MaskMissing,
    #[error("Mixed instance must have at least 1 pinned vCPU and 1 unpinned vCPU. See 'hw:cpu_dedicated_mask'.")]
    Mask,
    #[error("Cannot specify 'hw:cpu_dedicated_mask' without the 'mixed' policy.")]
    MaskUnmixed,
    #[error(
        "It is not possible to use the 'resources:VCPU' or 'resources:PCPU' extra specs in combination with the 'hw:cpu_policy' extra \
         spec or 'hw_cpu_policy' image metadata property; use one or the other"
    )]
    PolicyTwice,
    #[error(
        "It is not possible to specify both 'resources:VCPU' and 'resources:PCPU' extra specs; use one or the other"
    )]
    ResourcesTwice,
    #[error(
        "You have requested 'hw:emulator_threads_policy=isolate' but have not requested sufficient PCPUs to handle this policy; you \
         must allocate exactly flavor.vcpus + 1 PCPUs."
    )]
    TooFewPcpus,
    #[error(
        "There is a mismatch between the number of PCPUs requested via 'resourcesNN:PCPU' and the flavor); you must allocate exactly \
         flavor.vcpus PCPUs"
    )]
    OtherPcpus,
}
