window.YTD.note_tweet.part0 = [
  {
    "noteTweet": {
      "noteTweetId": "1",
      "createdAt": "2023-02-20T09:15:30.700Z",
      "updatedAt": "2023-02-20T09:15:30.700Z",
      "lifecycle": {
        "value": "0"
      },
      "core": {
        "text": "The first thing to know about growing beans on a balcony is that the wind has opinions. It will take the canes, the net and once, memorably, the whole pot. So tie everything twice, then ask a friend to pull at it & laugh at you. The second thing is water: more than you think, and earlier in the day than you like. The third is patience, which no shop sells. https://t.co/Beans00001 is where I keep notes.",
        "mentions": [],
        "hashtags": [],
        "cashtags": [],
        "styletags": [],
        "urls": [
          {
            "expandedUrl": "https://garden.example/beans",
            "shortUrl": "https://t.co/Beans00001",
            "displayUrl": "garden.example/beans",
            "fromIndex": "1",
            "toIndex": "2"
          }
        ]
      }
    }
  },
  {
    "noteTweet": {
      "noteTweetId": "2",
      "createdAt": "2023-02-25T00:00:00.000Z",
      "core": {
        "text": "PRIVATE a long text of a tweet that was deleted PRIVATE a long text of a tweet that was deleted PRIVATE a long text of a tweet that was deleted PRIVATE a long text of a tweet that was deleted PRIVATE a long text of a tweet that was deleted PRIVATE a long text of a tweet that was deleted PRIVATE a long text of a tweet that was deleted PRIVATE a long text of a tweet that was deleted "
      }
    }
  }
]