package lambda

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dynamo/conn"
)

// Some statements of each batch are refused and not executed. The others are
// executed, and each answer is in the place of its statement.
func TestFaults_ThrottlePartOfABatch(t *testing.T) {
	t.Parallel()
	server, err := dynamolocal.Start(t.Context(), dynamolocal.Options{})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	f := NewFaults(7)
	require.NoError(t, f.Connect(&Service{server: new(http.Server)}, server.Endpoint(), nil, nil))
	strike := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		q := &request{
			target: TableTarget, batch: true, body: body,
			forward: func(body []byte) *response { return record(f.upstreams[TableTarget], r, "/", body) },
		}
		f.strike(PartThrottled, q)
		q.answer.write(w)
	}))
	t.Cleanup(strike.Close)
	client := func(endpoint string) *dynamodb.Client {
		return conn.New(aws.Config{
			Region: "eu-west-1", BaseEndpoint: aws.String(endpoint),
			Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		}, conn.Local)
	}
	require.NoError(t, dynamolocal.CreateTable(t.Context(), client(server.Endpoint()), table))

	refusedOf := map[int]int{}
	for _, n := range []int{1, 2, 25} {
		var statements []types.BatchStatementRequest
		for i := range n {
			statements = append(statements, types.BatchStatementRequest{
				Statement: aws.String(fmt.Sprintf("INSERT INTO \"journeys\" VALUE {'PK':'%d','SK':'%d'}", n, i)),
			})
		}
		out, err := client(strike.URL).BatchExecuteStatement(t.Context(), &dynamodb.BatchExecuteStatementInput{Statements: statements})
		require.NoError(t, err)
		require.Len(t, out.Responses, n)
		for i, response := range out.Responses {
			item, err := client(server.Endpoint()).GetItem(t.Context(), &dynamodb.GetItemInput{
				TableName: aws.String(table), Key: map[string]types.AttributeValue{
					"PK": &types.AttributeValueMemberS{Value: fmt.Sprint(n)}, "SK": &types.AttributeValueMemberS{Value: fmt.Sprint(i)},
				},
			})
			require.NoError(t, err)
			stored := item.Item != nil
			if response.Error == nil {
				require.True(t, stored, "%d of %d", i, n)
				continue
			}
			require.Equal(t, types.BatchStatementErrorCodeEnumThrottlingError, response.Error.Code)
			require.False(t, stored, "%d of %d", i, n)
			refusedOf[n]++
		}
	}
	require.Equal(t, 1, refusedOf[1])
	require.Positive(t, refusedOf[2])
	require.Positive(t, refusedOf[25])
	require.Less(t, refusedOf[25], 25)
}
