use thiserror::Error;

/// Why no such guest can be made; Nova's words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WishError {
    #[error("Invalid image metadata. Error: Field value {0} is invalid")]
    ImageValue(String),
    #[error("Invalid image metadata. Error: invalid literal for int() with base 10: '{0}'")]
    ImageNumber(String),
    #[error("Invalid flavor extra spec. Error: invalid literal for int() with base 10: '{0}'")]
    FlavorNumber(String),
    #[error(
        "Flavor {flavor} has {prefix}:{name} extra spec explicitly set to {flavor_value}, conflicting with image {image} which has \
         {prefix}_{name} explicitly set to {image_value}."
    )]
    Conflict {
        prefix: &'static str,
        name: String,
        flavor: String,
        flavor_value: String,
        image: String,
        image_value: String,
    },
    #[error("Image vCPU topology limits ({image}) exceeds the limits of the flavor ({flavor})")]
    LimitsExceed { image: String, flavor: String },
    #[error("Image vCPU topology ({image}) exceeds the limits of the flavor or image ({most})")]
    TopologyExceeds { image: String, most: String },
    #[error("Requested vCPU limits {0} are impossible to satisfy for vcpus count {1}")]
    Impossible(String, u32),
    #[error("Number of serial ports specified in flavor is invalid: expected an integer, got '{0}'")]
    SerialPorts(String),
    #[error("Forbidden to exceed flavor value of number of serial ports passed in image meta.")]
    SerialPortsExceed,
    #[error("Maximum number of serial port exceeds {0} for qemu")]
    TooManySerialPorts(u32),
    #[error("Provided watchdog action ({0}) is not supported.")]
    Watchdog(String),
    #[error("The requested amount of video memory {0} is higher than the maximum allowed by flavor {1}.")]
    VideoMemory(u32, u32),
    #[error("Provided video model ({0}) is not supported.")]
    VideoModel(String),
    #[error("Requested hardware '{0}' is not supported by the 'qemu' virt driver")]
    Unsupported(String),
    #[error("Invalid secure boot policy '{0}'. Allowed values: required, disabled, optional.")]
    SecureBoot(String),
    #[error("Secure Boot is not supported by host")]
    SecureBootMachine,
    #[error("Invalid TPM version '{0}'. Allowed values: 1.2, 2.0.")]
    TpmVersion(String),
    #[error("Invalid TPM model '{0}'. Allowed values: tpm-tis, tpm-crb.")]
    TpmModel(String),
    #[error("TPM model CRB is only valid with TPM version 2.0.")]
    TpmCrb,
    #[error("Invalid USB controller model '{0}'. Allowed values: none, nec-xhci, qemu-xhci.")]
    UsbModel(String),
    #[error("Invalid sound device model '{0}'. Allowed values: sb16, es1370, pcspk, ac97, ich6, ich9, usb, virtio.")]
    SoundModel(String),
    #[error("CPU emulator threads option requested is invalid, given: '{0}', available: '('isolate', 'share')'.")]
    EmulatorThreads(String),
    #[error("An isolated CPU emulator threads option requires a dedicated CPU policy option.")]
    EmulatorThreadsUnpinned,
    #[error("Use of realtime CPUs requires either one or more non-realtime CPU(s) or offloaded emulator threads.")]
    RealtimeMask,
    #[error(
        "Realtime policy vCPU(s) mask is configured with RT vCPUs that are not a subset of the vCPUs in the flavor. See \
         hw:cpu_realtime_mask or hw_cpu_realtime_mask"
    )]
    RealtimeSubset,
    #[error("Cannot set realtime policy in a non dedicated cpu pinning policy")]
    RealtimeUnpinned,
    #[error("locked_memory value in image or flavor is forbidden when mem_page_size is not set.")]
    LockedMemory,
    #[error(
        "locked_memory value in image ({image}) and flavor ({flavor}) conflict. A consistent value is expected if both specified."
    )]
    LockedMemoryConflict { image: &'static str, flavor: &'static str },
}
