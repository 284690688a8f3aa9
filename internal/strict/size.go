package strict

// SizeOf returns the bytes that the faults take in an answer, without escapes.
func SizeOf(faults []Fault) (size int) {
	for _, f := range faults {
		size += len(f.Pointer) + len(f.Detail) + len(`{"pointer":"","detail":""},`)
	}
	return size
}
