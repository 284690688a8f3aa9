package strict

// MaxWord bounds a tenant and a node's id, in characters.
const MaxWord = 64

// IsWord reports whether s has 1 to limit characters of A-Z, a-z, 0-9, _ and -.
// It is not a regular expression: compiling one takes longer than a function
// takes to start.
func IsWord(s string, limit int) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= limit
}
