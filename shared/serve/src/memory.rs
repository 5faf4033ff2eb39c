//! How this process takes memory from the kernel.

/// Takes memory by small pages, also where the system hands out huge ones to everybody (`transparent_hugepage=always`):
/// an idle server would hold some 12 MB more that it never touches. Call it first in `main`, as what was taken before
/// stays as it is. A kernel that does not know the setting goes on as it was.
pub fn take_small_pages() {
    #[cfg(target_os = "linux")]
    let _not_known_here = rustix::thread::disable_transparent_huge_pages(true);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_kernel_keeps_to_small_pages() {
        super::take_small_pages();
        assert_eq!(rustix::thread::transparent_huge_pages_are_disabled(), Ok(true));
    }
}
