window.__THAR_CONFIG = {
  "userInfo": {
    "accountId": "4242",
    "userName": "fictional_gardener",
    "displayName": "A Gardener"
  },
  "archiveInfo": {
    "generationDate": "2023-03-01T00:00:00.000Z"
  },
  "dataTypes": {
    "tweets": {
      "files": [
        {
          "fileName": "data/tweets.js",
          "globalName": "YTD.tweets.part0",
          "count": "4"
        }
      ]
    }
  }
}