"""The API's reference at `/api/v1/reference/`: Swagger UI, which shows the OpenAPI document."""
