package dynamotest

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"regexp"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// named matches the name of a test's table.
var named = regexp.MustCompile(`\bt(?:Test|Benchmark|Fuzz)\w*`)

// byTable is an option of a client. It sends the requests of each table under an access
// key of their own, so that the table has a database of its own. In a shared database,
// DynamoDB Local searches the stream records of all older tables at each request, and
// handles one request at a time.
func byTable(stack *middleware.Stack) error {
	return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("ByTable", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		request := in.Request.(*smithyhttp.Request)
		body, err := io.ReadAll(request.GetStream())
		if err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, err
		}
		if request, err = request.SetStream(bytes.NewReader(body)); err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, err
		}
		if name := named.Find(body); name != nil {
			signed := request.Header.Get("Authorization")
			request.Header.Set("Authorization", strings.Replace(signed, "="+accessKey+"/", "="+keyOf(name)+"/", 1))
		}
		in.Request = request
		return next.HandleFinalize(ctx, in)
	}), middleware.After)
}

// accessKey signs the requests. DynamoDB Local does not check signatures.
const accessKey = "local"

// keyOf returns the access key of a table: letters and digits only.
func keyOf(table []byte) string {
	hash := fnv.New64a()
	_, _ = hash.Write(table) // it never fails
	return fmt.Sprintf("%x", hash.Sum64())
}
