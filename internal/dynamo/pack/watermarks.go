package pack

import (
	"cmp"
	varint "encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The usual form of a stream shard's id: its start, and 32 bits.
const (
	streamShardFormat = "shardId-%020d-%08x"
	streamShardSize   = 12 // packed, in bytes
)

var errWatermarks = errors.New("pack: watermarks that cannot be read")

// Watermarks returns the sequence number of each stream shard. A shard id of the
// usual form is a zero byte and streamShardSize bytes; any other is its length and
// text. A sequence number is its length and two digits a byte.
func Watermarks(watermarks map[string]string) ([]byte, error) {
	var packed []byte
	for _, shard := range slices.Sorted(maps.Keys(watermarks)) {
		if start, bits, ok := parseStreamShard(shard); ok {
			packed = varint.BigEndian.AppendUint32(varint.BigEndian.AppendUint64(append(packed, 0), start), bits)
		} else {
			packed = append(varint.AppendUvarint(packed, uint64(len(shard))), shard...)
		}
		digits := watermarks[shard]
		sequence, err := hex.DecodeString(strings.Repeat("0", len(digits)%2) + digits)
		if err != nil || shard == "" || !isDecimal(digits) {
			return nil, fmt.Errorf("pack: no sequence number of a shard: %q: %.60q", shard, digits)
		}
		packed = append(varint.AppendUvarint(packed, uint64(len(sequence))), sequence...)
	}
	return packed, nil
}

// isDecimal reports whether hexadecimal digits are decimal.
func isDecimal(digits string) bool { return !strings.ContainsAny(digits, "abcdefABCDEF") }

// parseStreamShard parses a stream shard's id of the usual form.
func parseStreamShard(shard string) (start uint64, bits uint32, ok bool) {
	first, last, _ := strings.Cut(strings.TrimPrefix(shard, "shardId-"), "-")
	start, errStart := strconv.ParseUint(first, 10, 64)
	low, errBits := strconv.ParseUint(last, 16, 32)
	return start, uint32(low), errors.Join(errStart, errBits) == nil && fmt.Sprintf(streamShardFormat, start, low) == shard
}

// ReadWatermarks decodes what Watermarks returned.
func ReadWatermarks(packed []byte) (map[string]string, error) {
	watermarks := map[string]string{}
	var err error
	next := func(defaultLength uint64) []byte {
		length, size := varint.Uvarint(packed)
		if length == 0 {
			length = defaultLength
		}
		if size <= 0 || length > uint64(len(packed)-size) {
			packed, err = nil, errWatermarks
			return nil
		}
		field := packed[size:][:length]
		packed = packed[size:][length:]
		return field
	}
	for len(packed) > 0 {
		usual := packed[0] == 0
		shard := next(streamShardSize)
		digits := hex.EncodeToString(next(0))
		if err != nil || !isDecimal(digits) {
			return nil, errWatermarks
		}
		name := string(shard)
		if usual {
			name = fmt.Sprintf(streamShardFormat, varint.BigEndian.Uint64(shard), varint.BigEndian.Uint32(shard[8:]))
		}
		watermarks[name] = cmp.Or(strings.TrimLeft(digits, "0"), "0")
	}
	return watermarks, nil
}
