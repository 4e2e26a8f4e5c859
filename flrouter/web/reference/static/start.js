// Nothing from elsewhere: Swagger UI would have the document checked by a site of its own.
SwaggerUIBundle({ url: "../openapi.json", dom_id: "#reference", deepLinking: true, validatorUrl: null });
