// Who compiled this: another compiler may round sums otherwise.
#define TEXT(x) #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *ltdsl_compiler(void) {
#ifdef __clang__
    return "clang " VERSION(__clang_major__, __clang_minor__, __clang_patchlevel__);
#elif defined __GNUC__
    return "gcc " VERSION(__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#else
    return "unknown";
#endif
}
