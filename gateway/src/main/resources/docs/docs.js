'use strict';
// validatorUrl would send the document to another host, tokens are forgotten with the tab.
SwaggerUIBundle({
  url: '/openapi.yaml',
  dom_id: '#docs',
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
});
