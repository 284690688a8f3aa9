package journey

import "bytes"

// Author is a caller who wrote something. The zero Author is unknown.
type Author struct {
	Subject string // of the token
	Name    string // "" if the token had none
}

// textRev returns the TextRev of j, which follows old.
func (j Journey) textRev(old Journey) int64 {
	switch {
	case j.Description == "" && j.EntryCondition == nil && (j.CreatedBy == Author{}) && (j.UpdatedBy == Author{}):
		return 0
	case j.Description == old.Description && bytes.Equal(j.EntryCondition, old.EntryCondition) &&
		j.CreatedBy == old.CreatedBy && j.UpdatedBy == old.UpdatedBy:
		return old.TextRev
	}
	return j.Rev
}
