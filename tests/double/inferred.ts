/**
 * What the double answers though no page, header or program says that Windows does: only inferred, and to be asked
 * of a real Windows. The sources name each where they answer so, as `[I: id]`. Of answers older than this list not all
 * are named yet: one without any mark is no evidence either.
 */
export const INFERRED: Readonly<Record<string, string>> = {
  "dirty-log-info": "An open for information alone succeeds for a VHDX with a dirty log.",
  "long-path": "A path of 260 characters or more without a prefix ends with ERROR_PATH_NOT_FOUND.",
  "parent-not-opened":
    "PARENT_LOCATION of a disk that was opened without its parents is not resolved, and gives the candidates.",
  "path-list-end": "The list of attached images ends with one more NUL, which its size counts.",
  "path-list-no-host":
    "A disk that is attached without the local host is not in the list of attached images.",
};
