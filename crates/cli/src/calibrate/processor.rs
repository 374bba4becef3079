//! The name of the processor and the sizes of its caches.

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod cpuid {
    use raw_cpuid::{CacheType, CpuId};

    /// The bytes of the data caches of the first three levels; `None` if one is missing.
    pub(crate) fn cache_bytes() -> Option<[u64; 3]> {
        let mut bytes = [0; 3];
        for cache in CpuId::new().get_cache_parameters()? {
            let level = usize::from(cache.level()).wrapping_sub(1);
            if matches!(cache.cache_type(), CacheType::Data | CacheType::Unified) && level < bytes.len() {
                let line = cache.coherency_line_size() * cache.physical_line_partitions();
                bytes[level] = (line * cache.associativity()) as u64 * cache.sets() as u64;
            }
        }
        bytes.iter().all(|&bytes| bytes > 0).then_some(bytes)
    }

    /// The name of the processor.
    pub(crate) fn name() -> String {
        let brand = CpuId::new().get_processor_brand_string();
        brand.map_or_else(|| "unknown".to_owned(), |brand| brand.as_str().trim().to_owned())
    }
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
mod cpuid {
    /// `None`: only x86 processors report the sizes of their caches in a portable way.
    pub(crate) fn cache_bytes() -> Option<[u64; 3]> {
        None
    }

    /// The name of the processor: its architecture.
    pub(crate) fn name() -> String {
        std::env::consts::ARCH.to_owned()
    }
}

pub(super) use cpuid::{cache_bytes, name};
