// Package item encodes and decodes the items of the table, and has all their keys.
package item

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/format"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Item is an item, or a key, of the table. The put methods leave out zero values:
// every attribute's name and value is paid for with each read and write.
type Item map[string]types.AttributeValue

// Text returns a string attribute.
func Text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// Number returns a number attribute.
func Number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// Binary returns a binary attribute.
func Binary(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

// Flag returns a Boolean attribute.
func Flag(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }

// PutText stores s unless it is empty.
func (it Item) PutText(name, s string) {
	if s != "" {
		it[name] = Text(s)
	}
}

// PutNumber stores n unless it is 0.
func (it Item) PutNumber(name string, n int64) {
	if n != 0 {
		it[name] = Number(n)
	}
}

// PutBinary stores b unless it is empty.
func (it Item) PutBinary(name string, b []byte) {
	if len(b) > 0 {
		it[name] = Binary(b)
	}
}

// PutTexts stores a list unless it is empty.
func (it Item) PutTexts(name string, list []string) {
	if len(list) == 0 {
		return
	}
	values := make([]types.AttributeValue, len(list))
	for i, s := range list {
		values[i] = Text(s)
	}
	it[name] = &types.AttributeValueMemberL{Value: values}
}

// PutFlag stores b unless it is false.
func (it Item) PutFlag(name string, b bool) {
	if b {
		it[name] = Flag(b)
	}
}

// PutTime stores a time in milliseconds since 1970.
func (it Item) PutTime(name string, at time.Time) {
	if !at.IsZero() {
		it[name] = Number(at.UnixMilli())
	}
}

// Reader decodes an item. An absent attribute reads as the zero value. err is the
// first attribute with an unexpected type. Reading any attribute that is not part
// of a key checks the item's format first.
type Reader struct {
	Item    Item
	Err     error
	Checked bool
}

// CheckFormat fails with ErrNewer if this version does not know the item's format.
// An item without a format is damaged.
func (r *Reader) CheckFormat() {
	if r.Checked {
		return
	}
	r.Checked = true
	switch n := r.Number(format.Attribute); {
	case r.Err != nil:
	case n < 1:
		r.Err = errors.New("dynamo: an item without a format")
	case n > format.Known:
		r.Err = fmt.Errorf("dynamo: the item %s has format %d, this version knows %d: %w",
			loggedKey(r.Item), n, format.Known, journey.ErrNewer)
	}
}

// CheckNewer returns an ErrNewer if the item's format is newer than this version
// knows.
func CheckNewer(it map[string]types.AttributeValue) error {
	r := Reader{Item: it}
	if r.CheckFormat(); errors.Is(r.Err, journey.ErrNewer) {
		return r.Err
	}
	return nil
}

func (r *Reader) value(name string) types.AttributeValue {
	switch name {
	case manifest.PartitionKey, manifest.SortKey, manifest.DuePartitionKey, manifest.DueSortKey:
	default:
		r.CheckFormat()
	}
	return r.Item[name]
}

func (r *Reader) fail(name string, value any) {
	if r.Err == nil {
		r.Err = fmt.Errorf("dynamo: attribute %s is a %T", name, value)
	}
}

// Text reads a string.
func (r *Reader) Text(name string) string {
	switch v := r.value(name).(type) {
	case nil:
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.fail(name, v)
	}
	return ""
}

// Number reads a number of 64 bits.
func (r *Reader) Number(name string) int64 {
	switch v := r.value(name).(type) {
	case nil:
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil && r.Err == nil {
			r.Err = fmt.Errorf("dynamo: attribute %s: %w", name, err)
		}
		return n
	default:
		r.fail(name, v)
	}
	return 0
}

// Binary reads bytes.
func (r *Reader) Binary(name string) []byte {
	switch v := r.value(name).(type) {
	case nil:
	case *types.AttributeValueMemberB:
		return v.Value
	default:
		r.fail(name, v)
	}
	return nil
}

// Texts reads a list of strings.
func (r *Reader) Texts(name string) []string {
	return readList(r, name, func(element *Reader) string { return element.Text(name) })
}

// Times reads a list of milliseconds since 1970 as UTC.
func (r *Reader) Times(name string) []time.Time {
	return readList(r, name, func(element *Reader) time.Time { return element.Time(name) })
}

// readList reads a list, each element by read from an item that has it as the attribute.
func readList[T any](r *Reader, name string, read func(*Reader) T) []T {
	var list []T
	switch v := r.value(name).(type) {
	case nil:
	case *types.AttributeValueMemberL:
		for _, value := range v.Value {
			element := Reader{Item: Item{name: value}, Checked: true}
			list = append(list, read(&element))
			r.Err = cmp.Or(r.Err, element.Err)
		}
	default:
		r.fail(name, v)
	}
	return list
}

// Flag reads a Boolean.
func (r *Reader) Flag(name string) bool {
	switch v := r.value(name).(type) {
	case nil:
	case *types.AttributeValueMemberBOOL:
		return v.Value
	default:
		r.fail(name, v)
	}
	return false
}

// Time reads milliseconds since 1970 as UTC. Absent is the zero time.
func (r *Reader) Time(name string) time.Time {
	if r.value(name) == nil {
		return time.Time{}
	}
	return time.UnixMilli(r.Number(name)).UTC()
}
