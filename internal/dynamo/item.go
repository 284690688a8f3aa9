package dynamo

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/format"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// item is an item, or a key, of the table. The put methods leave out zero values:
// every attribute's name and value is paid for with each read and write.
type item map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func binary(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func flag(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }

func (it item) putText(name, s string) {
	if s != "" {
		it[name] = text(s)
	}
}

func (it item) putNumber(name string, n int64) {
	if n != 0 {
		it[name] = number(n)
	}
}

func (it item) putBinary(name string, b []byte) {
	if len(b) > 0 {
		it[name] = binary(b)
	}
}

func (it item) putTexts(name string, list []string) {
	if len(list) == 0 {
		return
	}
	values := make([]types.AttributeValue, len(list))
	for i, s := range list {
		values[i] = text(s)
	}
	it[name] = &types.AttributeValueMemberL{Value: values}
}

func (it item) putFlag(name string, b bool) {
	if b {
		it[name] = flag(b)
	}
}

// putTime stores a time in milliseconds since 1970.
func (it item) putTime(name string, at time.Time) {
	if !at.IsZero() {
		it[name] = number(at.UnixMilli())
	}
}

// reader decodes an item. An absent attribute reads as the zero value. err is the
// first attribute with an unexpected type. Reading any attribute that is not part
// of a key checks the item's format first.
type reader struct {
	item    item
	err     error
	checked bool
}

// checkFormat fails with ErrNewer if this version does not know the item's format.
// An item without a format is damaged.
func (r *reader) checkFormat() {
	if r.checked {
		return
	}
	r.checked = true
	switch n := r.number(format.Attribute); {
	case r.err != nil:
	case n < 1:
		r.err = errors.New("dynamo: an item without a format")
	case n > format.Known:
		r.err = fmt.Errorf("dynamo: the item %s has format %d, this version knows %d: %w",
			loggedKey(r.item), n, format.Known, journey.ErrNewer)
	}
}

// checkNewer returns an ErrNewer if the item's format is newer than this version
// knows.
func checkNewer(it map[string]types.AttributeValue) error {
	r := reader{item: it}
	if r.checkFormat(); errors.Is(r.err, journey.ErrNewer) {
		return r.err
	}
	return nil
}

func (r *reader) value(name string) types.AttributeValue {
	switch name {
	case manifest.PartitionKey, manifest.SortKey, manifest.DuePartitionKey, manifest.DueSortKey:
	default:
		r.checkFormat()
	}
	return r.item[name]
}

func (r *reader) fail(name string, value any) {
	if r.err == nil {
		r.err = fmt.Errorf("dynamo: attribute %s is a %T", name, value)
	}
}

func (r *reader) text(name string) string {
	switch v := r.value(name).(type) {
	case nil:
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.fail(name, v)
	}
	return ""
}

func (r *reader) number(name string) int64 {
	switch v := r.value(name).(type) {
	case nil:
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil && r.err == nil {
			r.err = fmt.Errorf("dynamo: attribute %s: %w", name, err)
		}
		return n
	default:
		r.fail(name, v)
	}
	return 0
}

func (r *reader) binary(name string) []byte {
	switch v := r.value(name).(type) {
	case nil:
	case *types.AttributeValueMemberB:
		return v.Value
	default:
		r.fail(name, v)
	}
	return nil
}

func (r *reader) texts(name string) []string {
	switch v := r.value(name).(type) {
	case nil:
	case *types.AttributeValueMemberL:
		list := make([]string, len(v.Value))
		for i, element := range v.Value {
			s, ok := element.(*types.AttributeValueMemberS)
			if !ok {
				r.fail(name, element)
				return nil
			}
			list[i] = s.Value
		}
		return list
	default:
		r.fail(name, v)
	}
	return nil
}

func (r *reader) flag(name string) bool {
	switch v := r.value(name).(type) {
	case nil:
	case *types.AttributeValueMemberBOOL:
		return v.Value
	default:
		r.fail(name, v)
	}
	return false
}

// time reads milliseconds since 1970 as UTC. Absent is the zero time.
func (r *reader) time(name string) time.Time {
	if r.value(name) == nil {
		return time.Time{}
	}
	return time.UnixMilli(r.number(name)).UTC()
}
